import { createServer } from "node:net";
import { expect, test } from "vitest";
import { freePorts, isTaken, untilFree } from "../../scripts/ports.ts";

test("free ports are free, and all different", async () => {
  const ports = await freePorts(5);
  expect(new Set(ports).size).toBe(5);
  expect(await Promise.all(ports.map(isTaken))).toEqual(ports.map(() => false));
});

test("who holds a port is named, with the setting that chooses another", async () => {
  const [port = 0] = await freePorts(1);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await expect(untilFree(port, "PORT", 1)).rejects.toThrow(
    new RegExp(`^Port ${port} is taken by .* Another port is chosen with PORT=…$`),
  );
  server.close();
  await untilFree(port, "PORT", 5_000);
});
