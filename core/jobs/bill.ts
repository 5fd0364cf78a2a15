import type { Endpoint } from "#core/x/endpoints";
import { chargeOf, type Charge, type Prices } from "#core/x/prices";

/** What X bills for one run of a job. */
export type Bill = {
  /** X carried out this call. */
  charge(endpoint: Endpoint, body: unknown, answer: unknown): void;
  total(): Charge;
};

export function createBill(prices: Prices): Bill {
  const total: Charge = { cost: 0, reads: 0 };
  return {
    charge: (endpoint, body, answer) => {
      const { cost, reads } = chargeOf(endpoint, prices, body, answer);
      total.cost += cost;
      total.reads += reads;
    },
    total: () => ({ ...total }),
  };
}
