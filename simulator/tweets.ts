import type { PostRequest, Tweet } from "./entities.ts";
import { json, jsonBody, mediaType, type Answer } from "./exchange.ts";
import { type Around, echoOf } from "./echo.ts";
import { mediaFlaw } from "./media-use.ts";
import { postSchema } from "./post-schema.ts";
import { invalid, notFound, problem, problemJson } from "./problem.ts";
import { render } from "./render.ts";
import { flawOf } from "./schema.ts";
import type { Settings } from "./settings.ts";
import { longest, weightedLength } from "./text.ts";
import { sameness } from "./world.ts";
import type { Visit } from "./sim.ts";

// Undocumented; observers speak of hours to days.
const duplicate_window_ms = 24 * 3_600_000;
// X's changelog of 2025-10-03 says one hour, its page on editing 30 minutes.
const edit_window_ms = 3_600_000;
const only_one =
  "You can only provide one of poll or quote_tweet_id or direct_message_deep_link or media or card_uri.";

/** POST /2/tweets: 201 with id and text, or the refusal X's documents and users name. */
export function createTweet(visit: Visit): Answer {
  const { sim, call, grant, user } = visit;
  const { settings } = sim.world;
  if (mediaType(call) !== "application/json") {
    return invalid(settings, "Requests with bodies must have content-type of application/json.");
  }
  const body = jsonBody(call);
  const flaw = body === undefined ? null : flawOf(postSchema, body);
  if (body === undefined) return invalid(settings, "The request body is not valid JSON.");
  if (flaw) return invalid(settings, flaw.message, flaw.at || undefined, flaw.value);
  const request = body as PostRequest;
  const refusal = refuse(visit, request);
  if (refusal) return refusal;

  const id = sim.id();
  const echo = echoOf(request, aroundOf(visit, request, id), settings, sim.random);
  const fact = { id, user_id: user.id, client_id: grant.client_id, created_at: sim.now(), ...echo, request };
  sim.commit({ type: "tweet.created", tweet: fact });
  return json({ data: { id, text: echo.text, ...editHistory(settings, id) } }, 201);
}

function aroundOf({ sim: { world }, user }: Visit, request: PostRequest, id: string): Around {
  const pageOf = (author: string, post: string) =>
    `${world.users.get(author)?.username ?? "i"}/status/${post}`;
  const quoted = world.tweets.get(request.quote_tweet_id ?? "");
  const parent = world.tweets.get(request.reply?.in_reply_to_tweet_id ?? "");
  const answered = parent && parent.user_id !== user.id ? world.users.get(parent.user_id) : undefined;
  return {
    page: pageOf(user.id, id),
    media: (request.media?.media_ids ?? []).flatMap((one) => world.media.get(one) ?? []),
    quoted: quoted ? pageOf(quoted.user_id, quoted.id) : null,
    answered: answered?.username.toLowerCase() ?? null,
  };
}

function refuse({ sim, user }: Visit, request: PostRequest): Answer | null {
  const { world } = sim;
  const { media, poll, quote_tweet_id, card_uri, direct_message_deep_link, reply, edit_options } = request;
  const extras = [poll, quote_tweet_id, direct_message_deep_link, media, card_uri];
  const count = extras.filter((extra) => extra !== undefined).length;
  if (count > 1) return invalid(world.settings, only_one);
  if ((request.text ?? "").trim() === "" && count === 0) {
    return invalid(world.settings, "Either text or media must be provided.", "text", request.text);
  }
  if (weightedLength(request.text ?? "") > (user.premium ? longest.premium : longest.plain)) {
    return problem(403, "You are not permitted to perform this action.");
  }
  if (reply && !alive(world.tweets.get(reply.in_reply_to_tweet_id))) {
    return problem(403, "You attempted to reply to a Tweet that is deleted or not visible to you.");
  }
  if (quote_tweet_id !== undefined && !alive(world.tweets.get(quote_tweet_id))) {
    return problem(403, "You attempted to quote a Tweet that is deleted or not visible to you.");
  }
  if (media) {
    const flaw = mediaFlaw(sim, user.id, media.media_ids);
    if (flaw) return invalid(world.settings, flaw, "media.media_ids", media.media_ids);
  }
  if (edit_options) {
    const previous = world.tweets.get(edit_options.previous_post_id);
    const editable = user.premium && previous?.user_id === user.id && alive(previous) && !previous.superseded;
    if (!editable || sim.now() - previous.created_at > edit_window_ms) {
      return problem(403, "You are not permitted to perform this action.");
    }
  }
  const same = world.newest.get(sameness(user.id, request));
  if (alive(same) && sim.now() - same.created_at < duplicate_window_ms) {
    return problem(403, "You are not allowed to create a Tweet with duplicate content.");
  }
  return null;
}

function editHistory({ edit_history_variant }: Settings, id: string) {
  if (edit_history_variant === "absent") return {};
  if (edit_history_variant === "post_ids") return { edit_history_post_ids: [id] };
  return { edit_history_tweet_ids: [edit_history_variant === "blank" ? "" : id] };
}

/** DELETE /2/tweets/:id of one's own; for any other, what the setting `delete_missing` says. */
export function deleteTweet({ sim, id, user }: Visit): Answer {
  const tweet = sim.world.tweets.get(id);
  const { settings } = sim.world;
  if (alive(tweet) && tweet.user_id === user.id) {
    sim.commit({ type: "tweet.deleted", id: tweet.id, at: sim.now() });
    return json({ data: { deleted: true } });
  }
  if (settings.delete_missing === "deleted") return json({ data: { deleted: true } });
  if (settings.delete_missing === "forbidden") return problem(403, "Forbidden");
  return problemJson(404, { ...notFound(settings, "tweet", "id", id), status: 404 });
}

/** GET /2/tweets?ids=: the posts found, and an entry in `errors` for each that is not. */
export function lookupTweets({ sim, call }: Visit): Answer {
  const given = call.query.get("ids") ?? "";
  const ids = [...new Set(given.split(","))];
  if (ids.length > 100 || ids.some((id) => !/^[0-9]{1,19}$/.test(id))) {
    return invalid(
      sim.world.settings,
      `The \`ids\` query parameter value [${given}] is not valid`,
      "ids",
      given,
    );
  }
  const found = ids.map((id) => sim.world.tweets.get(id)).filter(alive);
  const missing = ids.filter((id) => !alive(sim.world.tweets.get(id)));
  const { data, includes } = render(sim, found, call.query);
  return json({
    ...(data.length > 0 && { data }),
    ...(includes && { includes }),
    ...(missing.length > 0 && {
      errors: missing.map((id) => notFound(sim.world.settings, "tweet", "ids", id)),
    }),
  });
}

/** GET /2/tweets/:id; a missing one is 200 with only `errors`, or 404, by setting. */
export function lookupTweet({ sim, call, id }: Visit): Answer {
  const tweet = sim.world.tweets.get(id);
  if (alive(tweet)) {
    const { data, includes } = render(sim, [tweet], call.query);
    return json({ data: data[0], ...(includes && { includes }) });
  }
  const error = notFound(sim.world.settings, "tweet", "id", id);
  if (sim.world.settings.missing_tweet === "errors") return json({ errors: [error] });
  return problemJson(404, { ...error, status: 404 });
}

/** Whether a post is there to be seen. */
export function alive(tweet: Tweet | undefined): tweet is Tweet {
  return tweet?.deleted_at === null;
}
