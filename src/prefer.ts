const LONGEST_WAIT_S = 60;

/** Seconds a caller is ready to wait (`Prefer: wait=30`, RFC 7240), at most 60; null when it did not say. */
export function waitOf(request: Request): number | null {
  const given = /(?:^|[,;]\s*)wait=(\d+)(?:$|[,;\s])/i.exec(request.headers.get("prefer") ?? "")?.[1];
  return given === undefined ? null : Math.min(LONGEST_WAIT_S, Number(given));
}
