// What operators set for accounts, between the contract and the domain.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  AssetLimit as AssetLimitMessage,
  FeeTier as FeeTierMessage,
} from '../../../../gen/bourse/ledger/v1/command_pb.ts';
import * as ledger from '../../../../gen/bourse/ledger/v1/command_pb.ts';
import { enumCodec } from '../../../lib/platform/codec/enum-codec.ts';
import { amountUnitsOf } from '../../../lib/platform/codec/numbers.ts';
import type { AccountLimits } from '../../domain/account-limits.ts';
import type { FeeTier } from '../../domain/fee-schedules.ts';

export const accountStateCodec = enumCodec('AccountState', ledger.AccountState);

type LimitInit = Exclude<MessageInitShape<typeof ledger.AssetLimitSchema>, AssetLimitMessage>;
type TierInit = Exclude<MessageInitShape<typeof ledger.FeeTierSchema>, FeeTierMessage>;

export function limitsInit({ maximumOpenOrders, assets }: AccountLimits): {
  readonly maximumOpenOrders: number;
  readonly assets: LimitInit[];
} {
  return { maximumOpenOrders, assets: [...assets] };
}

export function limitsOf(message: {
  readonly maximumOpenOrders: number;
  readonly assets: readonly AssetLimitMessage[];
}): AccountLimits {
  const { maximumOpenOrders, assets } = message;
  return {
    maximumOpenOrders,
    assets: assets.map((limit) => ({
      assetNumber: limit.assetNumber,
      maximumNotionalUnits: amountUnitsOf(limit.maximumNotionalUnits),
      maximumWithdrawalUnits: amountUnitsOf(limit.maximumWithdrawalUnits),
    })),
  };
}

export function tiersInit(tiers: readonly FeeTier[]): TierInit[] {
  return [...tiers];
}

export function tiersOf(messages: readonly FeeTierMessage[]): readonly FeeTier[] {
  return messages.map(({ minimumVolume, makerRatePpm, takerRatePpm, auctionRatePpm }) => {
    return { minimumVolume, makerRatePpm, takerRatePpm, auctionRatePpm };
  });
}
