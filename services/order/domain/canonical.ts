// The canonical text of a placement: equal for requests that ask for the same, however their
// decimals are written, so that its hash tells a repeat from another body (HLD-2).

import type { PlacementForm } from './placement.ts';

/** All that makes the body but the account and the client order id, which key it. */
export function canonicalText(form: PlacementForm): string {
  const { trailing } = form;
  const common = [
    form.instrumentId,
    form.side,
    form.type,
    canonicalDecimal(form.quantity),
    canonicalDecimal(form.quoteQuantity),
    canonicalDecimal(form.price),
    form.timeInForce,
    form.postOnly ? 'post-only' : '',
    form.selfTradePrevention,
    canonicalTime(form.acceptBefore),
  ];
  const rare = [
    canonicalDecimal(form.stopPrice),
    canonicalTrailing(trailing),
    canonicalTime(form.expireTime),
    canonicalDecimal(form.displayQuantity),
    canonicalDecimal(form.minimumQuantity),
  ];
  // What most orders do not say is left out of their text.
  return (rare.some((text) => text !== '') ? [...common, ...rare] : common).join('\n');
}

function canonicalTrailing(trailing: PlacementForm['trailing']): string {
  if (trailing === undefined) return '';
  return trailing.kind === 'bps' ? `bps ${trailing.value}` : canonicalDecimal(trailing.value);
}

/** As of one order: of all orders of a group, and how they hang together. */
export function canonicalGroupText(groupType: string, legs: readonly PlacementForm[]): string {
  const texts = legs.map((leg) => `${leg.clientOrderId}\n${canonicalText(leg)}`);
  return [groupType, ...texts].join('\n\n');
}

function canonicalTime(time: PlacementForm['expireTime']): string {
  return time === undefined ? '' : `${time.seconds}.${time.nanos}`;
}

/** A decimal of good form without trailing zeros of its fraction; empty when absent. */
function canonicalDecimal(text: string | undefined): string {
  if (text === undefined) return '';
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
