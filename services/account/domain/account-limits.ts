// States and limits that an account can have.

/**
 * What an account may do:
 * - ACTIVE: everything.
 * - FROZEN: cancel, and get money; its open orders trade on. No new orders, no amends that need
 *   money, nothing goes out.
 * - CLOSED: nothing, for ever; it has neither money nor orders.
 */
export type AccountState = 'ACTIVE' | 'FROZEN' | 'CLOSED';

/** Limits of an account in one asset; 0n: none. */
export type AssetLimit = {
  readonly assetNumber: number;
  /** Highest notional of one order priced in the asset. */
  readonly maximumNotionalUnits: bigint;
  /** Most that is withdrawn in one UTC day of log time. */
  readonly maximumWithdrawalUnits: bigint;
};

/** Limits of an account. */
export type AccountLimits = {
  /** Most open orders over all instruments; 0: any. */
  readonly maximumOpenOrders: number;
  readonly assets: readonly AssetLimit[];
};

export const NO_LIMITS: AccountLimits = { maximumOpenOrders: 0, assets: [] };

export const DAY_US = 86_400_000_000;
