import { deleteAccount, getAccount, listAccounts, patchAccount } from "./accounts.ts";
import { deleteApp, getApp, listApps, patchApp, postApp } from "./apps.ts";
import { listAudit } from "./audit.ts";
import { getClient, listClients, patchClient, postClient, rotateClientSecret } from "./clients.ts";
import { listBatchJobs } from "./batch-jobs.ts";
import { getBatch, listBatches } from "./batches.ts";
import { cancelBatch, patchBatch, retryBatch } from "./change-batch.ts";
import { connectAccount } from "./connect.ts";
import { listDeadLetters, redriveDeadLetters } from "./dead-letters.ts";
import { docs } from "./docs.ts";
import { healthz, readyz } from "./health.ts";
import { home } from "./home.ts";
import { cancelJob, getJob, postJob, retryJob } from "./jobs.ts";
import { deleteKey, listKeys, postKey } from "./keys.ts";
import { listJobs } from "./list-jobs.ts";
import { deleteMedium, getMedium, listMedia } from "./media.ts";
import { oauthCallback } from "./oauth.ts";
import { postMedium } from "./post-media.ts";
import { refreshAccount } from "./refresh.ts";
import { patchJob } from "./patch-job.ts";
import { getLimits } from "./account-limits.ts";
import { pauseAccount, resumeAccount } from "./pause.ts";
import { patchSchedule, pauseSchedule, resumeSchedule } from "./change-schedule.ts";
import { deleteSchedule, getNext, getSchedule, listSchedules, postSchedule } from "./schedules.ts";
import { postBatch } from "./post-batch.ts";
import { resolveJob } from "./resolve.ts";
import { getMentions, getProfile, getTimeline, getTweet, getTweets, getTweetsByIds } from "./reads.ts";
import { streamEvents } from "./event-stream.ts";
import { getEvent, listEvents, replayEvent } from "./events.ts";
import type { Route } from "./route.ts";
import { resealTokens } from "./token-keys.ts";
import { postSession } from "./sessions.ts";
import { getMetrics } from "./metrics.ts";
import { getStatus } from "./status.ts";
import { postThread } from "./threads.ts";
import { deleteTweet, postTweet } from "./tweets.ts";
import { deleteUpload, headUpload, patchUpload, postUpload } from "./uploads.ts";
import { listUsage } from "./usage.ts";
import { recoverEndpoint, rotateSecret, testEndpoint } from "./webhook-actions.ts";
import { endpointDeliveries, eventDeliveries } from "./webhook-deliveries.ts";
import {
  deleteEndpoint,
  getEndpoint,
  listEndpoints,
  patchEndpoint,
  postEndpoint,
} from "./webhook-endpoints.ts";

/** Everything that can be asked. What is not here does not exist. */
export const routes: readonly Route[] = [
  ...docs(() => routes),
  home,
  healthz,
  readyz,
  postTweet,
  deleteTweet,
  postThread,
  postJob,
  listJobs,
  getJob,
  patchJob,
  cancelJob,
  retryJob,
  resolveJob,
  listDeadLetters,
  redriveDeadLetters,
  getStatus,
  getMetrics,
  postUpload,
  headUpload,
  patchUpload,
  deleteUpload,
  postMedium,
  listMedia,
  getMedium,
  deleteMedium,
  postBatch,
  listBatches,
  getBatch,
  listBatchJobs,
  cancelBatch,
  retryBatch,
  patchBatch,
  postSchedule,
  listSchedules,
  getSchedule,
  getNext,
  patchSchedule,
  pauseSchedule,
  resumeSchedule,
  deleteSchedule,
  connectAccount,
  oauthCallback,
  listAccounts,
  getAccount,
  refreshAccount,
  patchAccount,
  pauseAccount,
  resumeAccount,
  getLimits,
  deleteAccount,
  getTimeline,
  getTweets,
  getMentions,
  getProfile,
  getTweet,
  getTweetsByIds,
  postApp,
  listApps,
  getApp,
  patchApp,
  deleteApp,
  postClient,
  listClients,
  getClient,
  patchClient,
  rotateClientSecret,
  postKey,
  resealTokens,
  listKeys,
  deleteKey,
  postSession,
  listUsage,
  listAudit,
  postEndpoint,
  listEndpoints,
  getEndpoint,
  patchEndpoint,
  deleteEndpoint,
  rotateSecret,
  testEndpoint,
  recoverEndpoint,
  endpointDeliveries,
  listEvents,
  streamEvents,
  getEvent,
  replayEvent,
  eventDeliveries,
];
