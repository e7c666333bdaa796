// How ledger scripts print events and books: one line each.
import type { Event } from '../../../services/account/domain/event.ts';
import type { OrderRecord } from '../../../services/account/domain/order.ts';
import type { LedgerState } from '../../../services/account/domain/state.ts';

const ASSETS = ['', 'USD', 'BTC'];

function describeOrder(record: OrderRecord): string {
  const words = [
    `#${record.placement} ${record.clientOrderId} ${record.status}`,
    `filled ${record.filledUnits}`,
    `open ${record.remainingUnits}`,
    `fee ${record.feeUnits}`,
    `held ${record.heldUnits} ${ASSETS[record.holdAssetNumber] ?? ''}`.trim(),
  ];
  const selfTradeGroup = record.terms?.selfTradeGroup ?? 0;
  if (selfTradeGroup > 0) words.push(`self-trade group ${selfTradeGroup}`);
  if (record.groupType !== undefined) {
    words.push(`${record.groupType} ${record.groupPlacement} held ${record.groupHeldUnits}`);
  }
  if (record.rejectReason !== 'NONE') words.push(record.rejectReason);
  if (record.cancelReason !== 'NONE') words.push(record.cancelReason);
  return words.join(', ');
}

function describeBody(event: Event): string {
  switch (event.kind) {
    case 'transferPosted':
      return `${event.amountUnits} ${ASSETS[event.assetNumber]} ${event.clientTransferId}`;
    case 'holdPlaced':
    case 'orderDeclined':
      return describeOrder(event.record);
    case 'groupHoldPlaced':
      return `${event.groupType} ${event.records.map(describeOrder).join(' | ')}`;
    case 'selfTradeGroupSet':
      return `${event.selfTradeGroup}`;
    case 'cancelAfterSet':
      return event.cancelTimeUs === 0 ? 'off' : `at ${event.cancelTimeUs}`;
    case 'cancelAfterDue':
      return `${event.accountSequence}, instruments ${event.instrumentNumbers.join(' ')}`;
    case 'cancelAfterFinished':
      return `${event.dueSequence}, instrument ${event.instrumentNumber}`;
    case 'orderExecuted': {
      const fill = event.fill
        ? ` ${event.fill.liquidity} ${event.fill.quantityUnits} @ ${event.fill.priceUnits}` +
          ` fee ${event.fill.feeUnits},`
        : '';
      const place = `${event.previousInstrumentSequence}>${event.instrumentSequence}`;
      const released = event.releasedUnits > 0n ? `, released ${event.releasedUnits}` : '';
      return `${event.executionType} ${place}${fill} ${describeOrder(event.record)}${released}`;
    }
    case 'amendHoldPlaced':
    case 'amendHoldReleased':
      return `#${event.placement} ${event.amendHoldId} ${event.amountUnits}, held ${event.heldUnits}`;
    case 'amendDeclined':
      return `#${event.placement} ${event.amendHoldId} ${event.reason}`;
    case 'cancelRecorded':
      return event.clientOrderId;
    case 'suspensePosted':
      return `#${event.placement} ${event.amountUnits} ${ASSETS[event.assetNumber]}`;
    case 'tradeBusted': {
      const { trade, side, missingUnits, record } = event;
      const { quantityUnits, priceUnits, buyer, seller } = trade;
      const { placement, feeUnits } = side === 'BUY' ? buyer : seller;
      const what = `${side} ${quantityUnits} @ ${priceUnits} fee ${feeUnits}`;
      const missing = missingUnits > 0n ? `, missing ${missingUnits}` : '';
      const order = record === undefined ? `#${placement}` : describeOrder(record);
      return `${trade.instrumentSequence} ${what}${missing}, "${trade.comment}", ${order}`;
    }
    case 'rangeSettled':
      return `${event.sourceShardId} ${event.throughSequence}`;
    case 'accountCreated':
      return event.accountId;
    default:
      return '';
  }
}

export function describeEvent(event: Event, names: ReadonlyMap<string, string>): string {
  const who = event.accountNumber === 0 ? '' : ` ${names.get(`${event.accountNumber}`) ?? 'new'}`;
  const balances = event.balances.map(
    ({ assetNumber, totalUnits, heldUnits }) =>
      ` [${ASSETS[assetNumber]} ${totalUnits} held ${heldUnits}]`,
  );
  return `${event.kind}${who}: ${describeBody(event)}${balances.join('')}`;
}

export function describeBooks(state: LedgerState): string[] {
  const lines: string[] = [];
  for (const account of state.accountsById.values()) {
    for (const balance of account.balances.values()) {
      const { totalUnits, availableUnits, heldUnits, assetNumber } = balance;
      const parts = `total ${totalUnits} = available ${availableUnits} + held ${heldUnits}`;
      lines.push(`${account.accountId} ${ASSETS[assetNumber]} ${parts}`);
    }
  }
  for (const purse of state.ledger.purses()) {
    if (purse.units === 0n) continue;
    lines.push(`${purse.kind.toLowerCase()} ${ASSETS[purse.assetNumber]} ${purse.units}`);
  }
  return lines;
}
