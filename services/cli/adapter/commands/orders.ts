// `bourse place`, `cancel`, `cancel-all`, `amend`, `orders` and `fills`.

import type { Command } from 'commander';
import type { Fill, Order } from '../../../../gen/bourse/order/v1/order_pb.ts';
import {
  AmendOrderResponseSchema,
  CancelAllOrdersResponseSchema,
  CancelOrderResponseSchema,
  ListFillsResponseSchema,
  ListOrdersResponseSchema,
  PlaceOrderResponseSchema,
} from '../../../../gen/bourse/order/v1/service_pb.ts';
import {
  CancelReason,
  Liquidity,
  OrderStatus,
  OrderType,
  RejectReason,
  Side,
  type TimeInForce,
} from '../../../../gen/bourse/type/v1/order_pb.ts';
import { StartError } from '../../../lib/platform/config/start-error.ts';
import { nameOf, type Output, printMessage, printTable } from '../output.ts';
import {
  formatTime,
  parseCount,
  parseSide,
  parseTimeInForce,
  parseType,
  secondsFromNow,
} from '../words.ts';
import { runCommand, type Session, type Terminal } from './command.ts';
import { cancelAsOperator, withReason } from './operator.ts';

const PAGE_SIZE = 100;

export function addOrders(program: Command, terminal: Terminal): void {
  addPlace(program, terminal);
  addCancel(program, terminal);
  addAmend(program, terminal);
  addLists(program, terminal);
}

type PlaceOptions = {
  readonly price: string;
  readonly market?: boolean;
  readonly quote?: boolean;
  readonly timeInForce: TimeInForce;
  readonly postOnly?: boolean;
  readonly id: string;
  readonly type?: OrderType;
  readonly stopPrice: string;
  readonly trail: string;
  readonly expireSeconds?: number;
  readonly show: string;
  readonly minimum: string;
};

function addPlace(program: Command, terminal: Terminal): void {
  program
    .command('place')
    .description('place an order')
    .argument('<account>', 'account id')
    .argument('<instrument>', 'instrument id')
    .argument('<side>', 'buy or sell', parseSide)
    .argument('<quantity>', 'decimal, in the base asset')
    .option('--price <price>', 'limit price; of a market order its worst price', '')
    .option('--market', 'a market order')
    .option('--type <word>', 'stop, stop_limit, take_profit, take_profit_limit …', parseType)
    .option('--stop-price <price>', 'the last price that triggers the order', '')
    .option('--trail <distance>', 'of a trailing stop: in the quote asset, or as 50bps', '')
    .option('--quote', 'the quantity is in the quote asset; market orders only')
    .option(
      '--time-in-force <word>',
      'gtc, ioc, fok, gtd or day',
      parseTimeInForce,
      0 as TimeInForce,
    )
    .option('--expire-seconds <n>', 'how long a gtd order may trade', parseCount)
    .option('--post-only', 'reject the order if it would trade at once')
    .option('--show <quantity>', 'iceberg: what the book shows at a time', '')
    .option('--minimum <quantity>', 'trade at least so much on arrival', '')
    .option('--id <id>', 'client order id: a repeat with the same one places nothing twice', '')
    .action(
      async (
        accountId: string,
        instrumentId: string,
        side: Side,
        quantity: string,
        options: PlaceOptions,
        command: Command,
      ) => {
        await runCommand(command, terminal, async ({ clients, output }) => {
          const answer = await clients.orders.placeOrder({
            ...{ accountId, instrumentId, side },
            type: options.type ?? (options.market === true ? OrderType.MARKET : OrderType.LIMIT),
            orderQuantity:
              options.quote === true
                ? { case: 'quoteQuantity', value: quantity }
                : { case: 'quantity', value: quantity },
            price: options.price,
            timeInForce: options.timeInForce,
            postOnly: options.postOnly === true,
            clientOrderId: options.id,
            stopPrice: options.stopPrice,
            ...trailingOf(options.trail),
            ...expireTimeOf(options.expireSeconds),
            displayQuantity: options.show,
            minimumQuantity: options.minimum,
          });
          printMessage(output, PlaceOrderResponseSchema, answer, () => {
            printOrders(output, answer.order);
            if (answer.fills.length > 0) printFills(output, answer.fills);
          });
        });
      },
    );
}

/** `50bps` is in basis points, `1.5` in the quote asset. */
function trailingOf(text: string) {
  if (text === '') return {};
  return text.endsWith('bps')
    ? { trailing: { case: 'trailingOffsetBps' as const, value: parseCount(text.slice(0, -3)) } }
    : { trailing: { case: 'trailingOffset' as const, value: text } };
}

function expireTimeOf(seconds: number | undefined) {
  return seconds === undefined ? {} : { expireTime: secondsFromNow(seconds) };
}

type NameOptions = { readonly order: string; readonly id: string };

/** `--order` or `--id`: which order of the account. */
function orderRef(instrumentId: string, { order, id }: NameOptions) {
  if ((order === '') === (id === '')) {
    throw new StartError('Name the order by --order or by --id, one of them.');
  }
  return order === ''
    ? { instrumentId, id: { case: 'clientOrderId' as const, value: id } }
    : { instrumentId, id: { case: 'orderId' as const, value: order } };
}

function addCancel(program: Command, terminal: Terminal): void {
  withReason(program.command('cancel'), false)
    .description('cancel an open order, or as an operator all of an instrument or an account')
    .argument('[account]', 'account id')
    .argument('[instrument]', 'instrument id')
    .option('--order <id>', 'order id', '')
    .option('--id <id>', 'client order id', '')
    .option('--instrument <id>', 'operator: everything in this instrument', '')
    .option('--account <id>', 'operator: everything of this account', '')
    .option('--side <side>', 'operator: only buy or sell', parseSide, Side.UNSPECIFIED)
    .action(
      async (
        accountId: string | undefined,
        instrumentId: string | undefined,
        options: CancelOptions,
        command: Command,
      ) => {
        await runCommand(command, terminal, async (session) => {
          const { clients, output } = session;
          if (accountId === undefined) return cancelAsOperator(session, options);
          if (instrumentId === undefined) throw new Error('Say in which instrument.');
          const order = orderRef(instrumentId, options);
          const answer = await clients.orders.cancelOrder({ accountId, order });
          printMessage(output, CancelOrderResponseSchema, answer, () => {
            printOrders(output, answer.order);
          });
        });
      },
    );
  program
    .command('cancel-all')
    .description('cancel all open orders of an account')
    .argument('<account>', 'account id')
    .option('--instrument <instrument>', 'only in this instrument', '')
    .option('--side <side>', 'only buy or sell', parseSide, Side.UNSPECIFIED)
    .action(async (accountId: string, options: CancelAllOptions, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const { instrument: instrumentId, side } = options;
        const answer = await clients.orders.cancelAllOrders({ accountId, instrumentId, side });
        printMessage(output, CancelAllOrdersResponseSchema, answer, () => {
          output.write(`${answer.canceledCount} canceled.`);
        });
      });
    });
}

type CancelOptions = NameOptions & {
  readonly instrument: string;
  readonly account: string;
  readonly side: Side;
  readonly reason: string;
  readonly by: string;
};

type CancelAllOptions = { readonly instrument: string; readonly side: Side };

type AmendOptions = NameOptions & {
  readonly quantity?: string;
  readonly price?: string;
  readonly stopPrice?: string;
  readonly show?: string;
};

function addAmend(program: Command, terminal: Terminal): void {
  program
    .command('amend')
    .description('change quantity or price of an open order')
    .argument('<account>', 'account id')
    .argument('<instrument>', 'instrument id')
    .option('--order <id>', 'order id', '')
    .option('--id <id>', 'client order id', '')
    .option('--quantity <quantity>', 'new total quantity')
    .option('--price <price>', 'new price')
    .option('--stop-price <price>', 'new stop price')
    .option('--show <quantity>', 'iceberg: what the book shows at a time')
    .action(
      async (accountId: string, instrumentId: string, options: AmendOptions, command: Command) => {
        await runCommand(command, terminal, async ({ clients, output }) => {
          const { quantity, price, stopPrice, show } = options;
          const answer = await clients.orders.amendOrder({
            accountId,
            order: orderRef(instrumentId, options),
            ...(quantity === undefined ? {} : { quantity }),
            ...(price === undefined ? {} : { price }),
            ...(stopPrice === undefined ? {} : { stopPrice }),
            ...(show === undefined ? {} : { displayQuantity: show }),
          });
          printMessage(output, AmendOrderResponseSchema, answer, () => {
            printOrders(output, answer.order);
            if (answer.fills.length > 0) printFills(output, answer.fills);
          });
        });
      },
    );
}

type ListOptions = { readonly instrument: string; readonly open?: boolean };

function addLists(program: Command, terminal: Terminal): void {
  program
    .command('orders')
    .description('list orders of an account, newest first')
    .argument('<account>', 'account id')
    .option('--instrument <instrument>', 'only of this instrument', '')
    .option('--open', 'only open ones')
    .action(async (accountId: string, options: ListOptions, command: Command) => {
      await runCommand(command, terminal, (session) => listOrders(session, accountId, options));
    });
  program
    .command('fills')
    .description('list fills of an account, newest first')
    .argument('<account>', 'account id')
    .option('--instrument <instrument>', 'only of this instrument', '')
    .action(async (accountId: string, options: ListOptions, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const { instrument: instrumentId } = options;
        const request = { accountId, instrumentId, pageSize: PAGE_SIZE };
        const answer = await clients.orders.listFills(request);
        printMessage(output, ListFillsResponseSchema, answer, () => {
          printFills(output, answer.fills);
        });
      });
    });
}

async function listOrders(
  { clients, output }: Session,
  accountId: string,
  { instrument: instrumentId, open = false }: ListOptions,
): Promise<void> {
  const request = { accountId, instrumentId, openOnly: open, pageSize: PAGE_SIZE };
  const answer = await clients.orders.listOrders(request);
  printMessage(output, ListOrdersResponseSchema, answer, () => {
    printOrders(output, ...answer.orders);
  });
}

function printOrders(output: Output, ...orders: readonly (Order | undefined)[]): void {
  const head = [
    'ORDER',
    'CLIENT ID',
    'INSTRUMENT',
    'SIDE',
    'PRICE',
    'QUANTITY',
    'FILLED',
    'STATUS',
  ];
  const rows = orders.flatMap((order) => (order === undefined ? [] : [orderRow(order)]));
  printTable(output, head, rows);
}

function orderRow(order: Order): readonly string[] {
  const { case: kind, value = '' } = order.orderQuantity;
  return [
    order.orderId,
    order.clientOrderId,
    order.instrumentId,
    nameOf(Side, order.side).toLowerCase(),
    order.price || 'market',
    kind === 'quoteQuantity' ? `${value} (quote)` : value,
    order.filledQuantity,
    statusOf(order),
  ];
}

function statusOf(order: Order): string {
  const reasons = [
    nameOf(RejectReason, order.rejectReason),
    nameOf(CancelReason, order.cancelReason),
  ].filter((reason) => reason !== '-');
  return [nameOf(OrderStatus, order.status), ...reasons].join(' ');
}

function printFills(output: Output, fills: readonly Fill[]): void {
  const head = ['TIME', 'TRADE', 'ORDER', 'SIDE', 'PRICE', 'QUANTITY', 'AS', 'FEE', 'IN'];
  const rows = fills.map((fill) => [
    formatTime(fill.tradeTime),
    fill.tradeId,
    fill.orderId,
    nameOf(Side, fill.side).toLowerCase(),
    fill.price,
    fill.quantity,
    nameOf(Liquidity, fill.liquidity).toLowerCase(),
    fill.fee,
    fill.feeAssetId,
  ]);
  printTable(output, head, rows);
}
