import { expect, test } from "vitest";
import { createSlots } from "#core/jobs/slots";

test("so many are taken at once; who comes later waits, and the longest waiting is first", async () => {
  const slots = createSlots(2);
  const order: string[] = [];
  await slots.acquire();
  await slots.acquire();
  const third = slots.acquire().then(() => order.push("third"));
  const fourth = slots.acquire().then(() => order.push("fourth"));
  expect(slots.idle()).toBe(false);
  slots.release();
  await third;
  expect(order).toEqual(["third"]);
  slots.release();
  await fourth;
  expect(order).toEqual(["third", "fourth"]);
  expect(slots.idle()).toBe(true);
});

test("a slot that is handed over is not free as well", async () => {
  const slots = createSlots(1);
  await slots.acquire();
  const next = slots.acquire();
  slots.release();
  await next;
  let taken = false;
  const late = slots.acquire().then(() => (taken = true));
  await Promise.resolve();
  expect(taken).toBe(false);
  slots.release();
  await late;
  expect(taken).toBe(true);
});
