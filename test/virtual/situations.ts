import type { Situation } from "./story.ts";

const plain = { x: "does it", deaths: [], redriven: false, next_at_once: false } as const satisfies Omit<
  Situation,
  "title"
>;

/** What a job may have behind it, and before it, when a Worker dies on it. */
export const situations: Situation[] = [
  { ...plain, title: "X does it" },
  { ...plain, title: "X does it, and the next job is due at once", next_at_once: true },
  { ...plain, title: "X refuses it", x: "refuses it" },
  { ...plain, title: "X does it, and its first answer is lost", x: "does it in silence" },
  { ...plain, title: "X's first answer is a 503, and it did nothing", x: "is silent" },
  { ...plain, title: "X had refused it, and its client has asked for it again", redriven: true },
  {
    ...plain,
    title: "A Worker died after it had claimed it, before X was asked",
    deaths: [{ step: "take the lane", when: "after" }],
  },
  {
    ...plain,
    title: "A Worker died after X had done it, before that was written",
    deaths: [{ step: "ask X", when: "after" }],
  },
  {
    ...plain,
    title: "Two Workers died on it, before X was asked",
    deaths: [
      { step: "ask X", when: "before" },
      { step: "ask X", when: "before" },
    ],
  },
];
