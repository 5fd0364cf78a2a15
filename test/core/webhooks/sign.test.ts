import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { makeSecret, signatureOf } from "#core/webhooks/sign";

test("a secret is whsec_ and 32 random bytes in base64", () => {
  expect(makeSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(makeSecret()).not.toBe(makeSecret());
});

test("the signature is that of the specification's own example", () => {
  // From the tests of Standard Webhooks.
  const headers = signatureOf(
    ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    1_614_265_330_000,
    '{"test": 2432232314}',
  );
  expect(headers).toEqual({
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test("each secret signs, so that either verifies", () => {
  const secrets = [makeSecret(), makeSecret()];
  const headers = signatureOf(secrets, "evt_1", Date.now(), '{"a":1}');
  expect(headers["webhook-signature"]).toMatch(/^v1,\S+ v1,\S+$/);
  for (const secret of secrets) expect(new Webhook(secret).verify('{"a":1}', headers)).toEqual({ a: 1 });
});
