// Keeps assets and instruments by StreamInstruments: a snapshot first, then what is new or changed,
// going on behind the last message after a reconnect.

import {
  ReferenceService,
  type ReferenceSnapshot,
  type StreamInstrumentsResponse,
} from '../../../../gen/bourse/reference/v1/service_pb.ts';
import { assertNever } from '../../base/assert.ts';
import { OperatingError } from '../errors/operating-error.ts';
import { type ClusterWorld, realClusterWorld } from './cluster-world.ts';
import { COORDINATOR_PAUSE_MS, CoordinatorRoad } from './coordinator-road.ts';
import { followStream } from './follow-stream.ts';
import type { Asset, Instrument } from './reference.ts';
import { decodeAsset, decodeInstrument } from './reference-codec.ts';
import type { WatchOptions } from './watch-cluster.ts';

/** Three of the stream's heartbeats. */
const SILENCE_MS = 3_000;

/** What a message changed. */
export type ReferenceChange = {
  readonly assets: readonly Asset[];
  readonly instruments: readonly Instrument[];
};

export interface ReferenceWatch {
  /** Resolves when the first snapshot is complete. */
  readonly ready: Promise<void>;
  findAsset(assetId: string): Asset | undefined;
  findAssetByNumber(assetNumber: number): Asset | undefined;
  findInstrument(instrumentId: string): Instrument | undefined;
  findInstrumentByNumber(instrumentNumber: number): Instrument | undefined;
  /** By number. */
  assets(): readonly Asset[];
  /** By number. */
  instruments(): readonly Instrument[];
  /** Calls back with what is new or changed; returns what ends it. */
  onChange(listener: (change: ReferenceChange) => void): () => void;
  /** The instrument once it has at least this version; undefined when not within `deadlineMs`. */
  waitForInstrument(
    instrumentId: string,
    minimumVersion: number,
    deadlineMs: number,
  ): Promise<Instrument | undefined>;
  /** True when the coordinator has not been heard for 3 s; what is known stays usable. */
  isStale(): boolean;
  stop(): Promise<void>;
}

/** Begins to watch at once, and for as long as `stop` is not called. */
export function watchReference(options: WatchOptions): ReferenceWatch {
  return new Watch(options);
}

class Watch implements ReferenceWatch {
  readonly ready: Promise<void>;
  readonly isStale: () => boolean;
  readonly stop: () => Promise<void>;
  readonly #world: ClusterWorld;
  readonly #assets = new Map<number, Asset>();
  readonly #instruments = new Map<number, Instrument>();
  readonly #assetsById = new Map<string, Asset>();
  readonly #instrumentsById = new Map<string, Instrument>();
  readonly #listeners = new Set<(change: ReferenceChange) => void>();
  #resumeToken = '';
  #setReady: () => void = () => {};

  constructor(options: WatchOptions) {
    const { world = realClusterWorld, log } = options;
    this.#world = world;
    this.ready = new Promise((resolve) => {
      this.#setReady = resolve;
    });
    const road = new CoordinatorRoad(ReferenceService, options.coordinatorAddresses);
    const follower = followStream<StreamInstrumentsResponse>({
      what: 'the instruments',
      world,
      log,
      silenceMs: SILENCE_MS,
      longestPauseMs: COORDINATOR_PAUSE_MS,
      open: (signal) =>
        road.client.streamInstruments({ resumeToken: this.#resumeToken }, { signal }),
      onMessage: (message) => this.#take(message),
      onBroken: (error) => {
        if (!this.#forgetBadToken(error)) road.turn(error);
        return false;
      },
    });
    this.isStale = () => !follower.isCurrent();
    this.stop = async () => {
      await follower.stop();
      road.close();
    };
  }

  findAsset(assetId: string): Asset | undefined {
    return this.#assetsById.get(assetId);
  }

  findAssetByNumber(assetNumber: number): Asset | undefined {
    return this.#assets.get(assetNumber);
  }

  findInstrument(instrumentId: string): Instrument | undefined {
    return this.#instrumentsById.get(instrumentId);
  }

  findInstrumentByNumber(instrumentNumber: number): Instrument | undefined {
    return this.#instruments.get(instrumentNumber);
  }

  assets(): readonly Asset[] {
    return [...this.#assets.values()].sort((one, other) => one.assetNumber - other.assetNumber);
  }

  instruments(): readonly Instrument[] {
    return [...this.#instruments.values()].sort(
      (one, other) => one.instrumentNumber - other.instrumentNumber,
    );
  }

  onChange(listener: (change: ReferenceChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  waitForInstrument(
    instrumentId: string,
    minimumVersion: number,
    deadlineMs: number,
  ): Promise<Instrument | undefined> {
    const find = () => {
      const instrument = this.findInstrument(instrumentId);
      return instrument !== undefined && instrument.version >= minimumVersion
        ? instrument
        : undefined;
    };
    const present = find();
    if (present !== undefined) return Promise.resolve(present);
    return new Promise((resolve) => {
      const finish = (instrument: Instrument | undefined) => {
        timer.cancel();
        end();
        resolve(instrument);
      };
      const timer = this.#world.setTimer(deadlineMs, () => finish(undefined));
      const end = this.onChange(() => {
        const found = find();
        if (found !== undefined) finish(found);
      });
    });
  }

  #take({ resumeToken, message }: StreamInstrumentsResponse): void {
    switch (message.case) {
      case 'snapshot':
        this.#takeSnapshot(message.value);
        break;
      case 'asset':
        this.#set({ assets: [decodeAsset(message.value)], instruments: [] });
        break;
      case 'instrument': {
        const instrument = decodeInstrument(message.value, (id) => this.findAsset(id));
        this.#set({ assets: [], instruments: [instrument] });
        break;
      }
      case 'started':
      case 'heartbeat':
      case 'closing':
      case undefined:
        break;
      default:
        assertNever(message);
    }
    this.#resumeToken = resumeToken;
  }

  #takeSnapshot(snapshot: ReferenceSnapshot): void {
    const assets = snapshot.assets.map(decodeAsset);
    const found = (assetId: string) =>
      assets.find((asset) => asset.assetId === assetId) ?? this.findAsset(assetId);
    const instruments = snapshot.instruments.map((message) => decodeInstrument(message, found));
    this.#set({ assets, instruments });
    if (snapshot.complete) this.#setReady();
  }

  #set(change: ReferenceChange): void {
    for (const asset of change.assets) {
      this.#assets.set(asset.assetNumber, asset);
      this.#assetsById.set(asset.assetId, asset);
    }
    for (const instrument of change.instruments) {
      this.#instruments.set(instrument.instrumentNumber, instrument);
      this.#instrumentsById.set(instrument.instrumentId, instrument);
    }
    for (const listener of [...this.#listeners]) listener(change);
  }

  #forgetBadToken(error: unknown): boolean {
    const reason = error instanceof OperatingError ? error.reason : undefined;
    if (reason === 'RESUME_TOKEN_TOO_OLD' || reason === 'RESUME_TOKEN_INVALID') {
      this.#resumeToken = '';
      return true;
    }
    return false;
  }
}
