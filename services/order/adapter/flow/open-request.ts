// A request of this process that is not answered yet, for others about the same order.

export type OpenRequest = {
  /** Calls `run` when it is answered, however. */
  whenEnded(run: () => void): void;
};

/** The name of an order among all of this process. */
export function fullNameOf(accountId: string, orderName: string): string {
  return `${accountId} ${orderName}`;
}
