// `bourse assets` and `instruments`.

import type { Command } from 'commander';
import type { Instrument } from '../../../../gen/bourse/reference/v1/reference_pb.ts';
import {
  GetInstrumentResponseSchema,
  ListAssetsResponseSchema,
  ListInstrumentsResponseSchema,
} from '../../../../gen/bourse/reference/v1/service_pb.ts';
import { InstrumentState } from '../../../../gen/bourse/type/v1/instrument_pb.ts';
import { formatSessions } from '../../domain/sessions-text.ts';
import { nameOf, printFields, printMessage, printTable } from '../output.ts';
import { sessionsOf } from '../sessions-message.ts';
import { formatDuration } from '../words.ts';
import { runCommand, type Session, type Terminal } from './command.ts';

const PAGE_SIZE = 1_000;

export function addReference(program: Command, terminal: Terminal): void {
  program
    .command('assets')
    .description('list assets')
    .action(async (_options: object, command: Command) => {
      await runCommand(command, terminal, listAssets);
    });
  program
    .command('instruments')
    .description('list instruments, or show the rules of one')
    .argument('[instrument]', 'instrument id')
    .action(async (instrumentId: string | undefined, _options: object, command: Command) => {
      await runCommand(command, terminal, (session) =>
        instrumentId === undefined
          ? listInstruments(session)
          : showInstrument(session, instrumentId),
      );
    });
}

async function listAssets({ clients, output }: Session): Promise<void> {
  const answer = await clients.reference.listAssets({ pageSize: PAGE_SIZE });
  printMessage(output, ListAssetsResponseSchema, answer, () => {
    const rows = answer.assets.map(({ assetId, displayName, scale }) => [
      assetId,
      String(scale),
      displayName,
    ]);
    printTable(output, ['ASSET', 'SCALE', 'NAME'], rows);
  });
}

async function listInstruments({ clients, output }: Session): Promise<void> {
  const answer = await clients.reference.listInstruments({ pageSize: PAGE_SIZE });
  printMessage(output, ListInstrumentsResponseSchema, answer, () => {
    const head = ['INSTRUMENT', 'STATE', 'TICK', 'LOT', 'MAKER BPS', 'TAKER BPS', 'VERSION'];
    printTable(output, head, answer.instruments.map(rowOf));
  });
}

function rowOf(instrument: Instrument): readonly string[] {
  return [
    instrument.instrumentId,
    nameOf(InstrumentState, instrument.state),
    instrument.tickSize,
    instrument.lotSize,
    instrument.makerFeeBps,
    instrument.takerFeeBps,
    String(instrument.version),
  ];
}

async function showInstrument({ clients, output }: Session, instrumentId: string): Promise<void> {
  const answer = await clients.reference.getInstrument({ instrumentId });
  printMessage(output, GetInstrumentResponseSchema, answer, () => {
    const { instrument } = answer;
    if (instrument === undefined) return;
    printFields(output, {
      instrument: instrument.instrumentId,
      state: nameOf(InstrumentState, instrument.state),
      version: String(instrument.version),
      base: instrument.baseAssetId,
      quote: instrument.quoteAssetId,
      'price unit': instrument.priceUnit,
      'quantity unit': instrument.quantityUnit,
      'tick size': instrument.tickSize,
      'lot size': instrument.lotSize,
      'minimum quantity': instrument.minimumQuantity,
      'maximum quantity': instrument.maximumQuantity,
      'maximum price': instrument.maximumPrice,
      'minimum notional': instrument.minimumNotional,
      'collar bps': String(instrument.collarBps),
      'maximum open orders': String(instrument.maximumOpenOrders),
      'maker fee bps': instrument.makerFeeBps,
      'taker fee bps': instrument.takerFeeBps,
      'auction fee bps': instrument.auctionFeeBps,
      'reference price': instrument.referencePrice,
      'static band bps': String(instrument.staticBandBps),
      'far band bps': String(instrument.farBandBps),
      'dynamic band bps': String(instrument.dynamicBandBps),
      'volatility auction': formatDuration(instrument.volatilityAuctionDuration),
      'sessions (UTC)': formatSessions(sessionsOf(instrument.sessions)),
    });
  });
}
