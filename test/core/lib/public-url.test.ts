import { describe, expect, test } from "vitest";
import { publicUrl, URL_LENGTH } from "#core/lib/public-url";

const read = (text: string, allowLocal = false) => publicUrl(text, { allowLocal });

describe("what is called", () => {
  test.each([
    ["https://hooks.shop.com/x", "https://hooks.shop.com/x"],
    ["https://hooks.shop.com:443/", "https://hooks.shop.com/"],
    ["https://hooks.shop.com:8443/x?y=1", "https://hooks.shop.com:8443/x?y=1"],
    ["https://hooks.shop.com:1025/", "https://hooks.shop.com:1025/"],
    ["https://HOOKS.Shop.com/A", "https://hooks.shop.com/A"],
    ["https://hooks.shop.com./", "https://hooks.shop.com./"],
    ["https://bücher.de/", "https://xn--bcher-kva.de/"],
    ["https://shop.xn--p1ai/", "https://shop.xn--p1ai/"],
    ["https://local.shop.com/", "https://local.shop.com/"],
    ["https://shop.com/#secret", "https://shop.com/"],
  ])("%s", (given, href) => {
    const read_ = read(given);
    expect("url" in read_ && read_.url.href).toBe(href);
  });
});

describe("what is not", () => {
  test.each([
    // schemes
    ["http://hooks.shop.com/", "https"],
    ["ftp://hooks.shop.com/", "https"],
    ["file:///etc/passwd", "https"],
    ["gopher://hooks.shop.com/", "https"],
    ["data:text/plain,x", "https"],
    ["javascript:alert(1)", "https"],
    ["blob:https://hooks.shop.com/1", "https"],
    ["ws://hooks.shop.com/", "https"],
    // no URL
    ["", "absolute"],
    ["hooks.shop.com", "absolute"],
    ["//hooks.shop.com/", "absolute"],
    ["https://", "absolute"],
    ["https:// hooks.shop.com/", "absolute"],
    ["https://hooks.shop.com:99999/", "absolute"],
    ["https://999.1.1.1/", "absolute"],
    [`https://shop.com/${"x".repeat(URL_LENGTH)}`, "characters"],
    // IP addresses in all notations
    ["https://127.0.0.1/", "IP"],
    ["https://10.0.0.8/", "IP"],
    ["https://169.254.169.254/latest/meta-data/", "IP"],
    ["https://8.8.8.8/", "IP"],
    ["https://0.0.0.0/", "IP"],
    ["https://0/", "IP"],
    ["https://127.1/", "IP"],
    ["https://127.0.0.1./", "IP"],
    ["https://2130706433/", "IP"],
    ["https://0x7f000001/", "IP"],
    ["https://0x7f.0.0.0x1/", "IP"],
    ["https://0177.0.0.01/", "IP"],
    ["https://017700000001/", "IP"],
    ["https://１２７.０.０.１/", "IP"],
    ["https://127。0。0。1/", "IP"],
    ["https://%31%32%37.0.0.1/", "IP"],
    ["https://[::1]/", "IP"],
    ["https://[::]/", "IP"],
    ["https://[::ffff:127.0.0.1]/", "IP"],
    ["https://[::ffff:7f00:1]/", "IP"],
    ["https://[fd00::1]/", "IP"],
    ["https://[fe80::1]/", "IP"],
    ["https://[64:ff9b::7f00:1]/", "IP"],
    // names of this machine and of private networks
    ["https://localhost/", "public name"],
    ["https://LOCALHOST./", "public name"],
    ["https://ⓛocalhost/", "public name"],
    ["https://api.localhost/", "public name"],
    ["https://router/", "public name"],
    ["https://printer.local/", "public name"],
    ["https://wiki.corp/", "public name"],
    ["https://nas.home/", "public name"],
    ["https://nas.lan/", "public name"],
    ["https://router.home.arpa/", "public name"],
    ["https://1.0.0.127.in-addr.arpa/", "public name"],
    ["https://metadata.google.internal/computeMetadata/v1/", "public name"],
    ["https://kubernetes.default.svc/", "public name"],
    ["https://x.default.svc.cluster.local/", "public name"],
    ["https://vault.service.consul/", "public name"],
    ["https://hidden.onion/", "public name"],
    ["https://shop.test/", "public name"],
    ["https://shop.invalid/", "public name"],
    ["https://127.0.0.1.nip.io/", "public name"],
    ["https://10-0-0-8.sslip.io/", "public name"],
    ["https://localtest.me/", "public name"],
    ["https://shop.c0m/", "public name"],
    // credentials
    ["https://user@hooks.shop.com/", "user"],
    ["https://user:pass@hooks.shop.com/", "user"],
    ["https://:pass@hooks.shop.com/", "user"],
    ["https://hooks.shop.com:pass@127.0.0.1/", "user"],
    // ports
    ["https://hooks.shop.com:22/", "port"],
    ["https://hooks.shop.com:25/", "port"],
    ["https://hooks.shop.com:80/", "port"],
    ["https://hooks.shop.com:0/", "port"],
    ["https://hooks.shop.com:1024/", "port"],
  ])("%s", (given, why) => {
    const read_ = read(given);
    expect("refused" in read_ && read_.refused).toContain(why);
  });
});

describe("on a developer's desk", () => {
  test.each(["http://127.0.0.1:9000/x", "http://localhost/", "https://[::1]:9/", "http://0x7f000001:9000/"])(
    "this machine is called: %s",
    (given) => {
      expect(read(given, true)).toHaveProperty("url");
    },
  );

  test.each([
    "http://hooks.shop.com/",
    "http://10.0.0.8:9000/",
    "http://127.0.0.2/",
    "http://user@localhost/",
    "http://api.localhost/",
    "file:///etc/passwd",
    "ftp://localhost/",
  ])("but nothing else: %s", (given) => {
    expect(read(given, true)).toHaveProperty("refused");
  });
});
