import { expect, test } from "vitest";
import { imageSize, typeOf } from "../../simulator/image-size.ts";

const png = Uint8Array.from([
  0x89, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 2, 128, 0, 0, 1, 224,
]);
const gif = Uint8Array.from([71, 73, 70, 56, 57, 97, 128, 2, 224, 1]);
const jpeg = Uint8Array.from([
  0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 17, 8, 1, 224, 2, 128, 3, 0, 0,
]);
const mp4 = new TextEncoder().encode("\0\0\0\u0018ftypmp42");

test.each([
  ["PNG", png],
  ["GIF", gif],
  ["JPEG", jpeg],
])("the size of a %s is read", (_, bytes) => {
  expect(imageSize(bytes)).toEqual({ width: 640, height: 480 });
});

test.each([new Uint8Array(), new Uint8Array(30), jpeg.subarray(0, 6)])(
  "other bytes have no size",
  (bytes) => {
    expect(imageSize(bytes)).toBeNull();
  },
);

test("a type is told by the first bytes, else by the category", () => {
  expect([png, gif, jpeg, new Uint8Array(mp4)].map((bytes) => typeOf(bytes, "tweet_image"))).toEqual([
    "image/png",
    "image/gif",
    "image/jpeg",
    "video/mp4",
  ]);
  expect(typeOf(new Uint8Array(), "tweet_gif")).toBe("image/gif");
});
