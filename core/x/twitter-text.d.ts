// @types/twitter-text knows the package's main file only; we import the two small ones we need.
declare module "twitter-text/dist/parseTweet.js" {
  export { parseTweet as default } from "twitter-text";
}

declare module "twitter-text/dist/extractUrlsWithIndices.js" {
  export { extractUrlsWithIndices as default } from "twitter-text";
}

declare module "twitter-text/dist/configs.js" {
  import type { ParseTweetOptions } from "twitter-text";

  const configs: { version3: ParseTweetOptions };
  export default configs;
}
