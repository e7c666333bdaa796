// The canonical text of a placement: equal for requests that ask for the same, however their
// decimals are written, so that its hash tells a repeat from another body (HLD-2).

import type { PlacementForm } from './placement.ts';

/** All that makes the body but the account and the client order id, which key it. */
export function canonicalText(form: PlacementForm): string {
  const { acceptBefore } = form;
  return [
    form.instrumentId,
    form.side,
    form.type,
    canonicalDecimal(form.quantity),
    canonicalDecimal(form.quoteQuantity),
    canonicalDecimal(form.price),
    form.timeInForce,
    form.postOnly ? 'post-only' : '',
    form.selfTradePrevention,
    acceptBefore === undefined ? '' : `${acceptBefore.seconds}.${acceptBefore.nanos}`,
  ].join('\n');
}

/** A decimal of good form without trailing zeros of its fraction; empty when absent. */
function canonicalDecimal(text: string | undefined): string {
  if (text === undefined) return '';
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
