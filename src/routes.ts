import { deleteAccount, getAccount, listAccounts, patchAccount } from "./accounts.ts";
import { deleteApp, getApp, listApps, patchApp, postApp } from "./apps.ts";
import { postClient, postKey } from "./clients.ts";
import { connectAccount } from "./connect.ts";
import { healthz, readyz } from "./health.ts";
import { home } from "./home.ts";
import { cancelJob, getJob, postJob, retryJob } from "./jobs.ts";
import { listJobs } from "./list-jobs.ts";
import { oauthCallback } from "./oauth.ts";
import type { Route } from "./route.ts";
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
  connectAccount,
  oauthCallback,
  listAccounts,
  getAccount,
  patchAccount,
  deleteAccount,
  postApp,
  listApps,
  getApp,
  patchApp,
  deleteApp,
  postClient,
  postKey,
];
