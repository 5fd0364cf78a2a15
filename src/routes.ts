import { deleteAccount, getAccount, listAccounts, patchAccount } from "./accounts.ts";
import { deleteApp, getApp, listApps, patchApp, postApp } from "./apps.ts";
import { listAudit } from "./audit.ts";
import { getClient, listClients, patchClient, postClient } from "./clients.ts";
import { connectAccount } from "./connect.ts";
import { healthz, readyz } from "./health.ts";
import { home } from "./home.ts";
import { cancelJob, getJob, postJob, retryJob } from "./jobs.ts";
import { deleteKey, listKeys, postKey } from "./keys.ts";
import { listJobs } from "./list-jobs.ts";
import { oauthCallback } from "./oauth.ts";
import { refreshAccount } from "./refresh.ts";
import { resolveJob } from "./resolve.ts";
import type { Route } from "./route.ts";
import { resealTokens } from "./token-keys.ts";
import { postSession } from "./sessions.ts";
import { deleteTweet, postTweet } from "./tweets.ts";

/** Everything that can be asked. What is not here does not exist. */
export const routes: readonly Route[] = [
  home,
  healthz,
  readyz,
  postTweet,
  deleteTweet,
  postJob,
  listJobs,
  getJob,
  cancelJob,
  retryJob,
  resolveJob,
  connectAccount,
  oauthCallback,
  listAccounts,
  getAccount,
  refreshAccount,
  patchAccount,
  deleteAccount,
  postApp,
  listApps,
  getApp,
  patchApp,
  deleteApp,
  postClient,
  listClients,
  getClient,
  patchClient,
  postKey,
  resealTokens,
  listKeys,
  deleteKey,
  postSession,
  listAudit,
];
