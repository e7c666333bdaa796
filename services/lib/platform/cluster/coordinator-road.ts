// The way to the active coordinator when several run (CRD-2): one after another is asked; one that
// waits names the active one.

import { OperatingError } from '../errors/operating-error.ts';
import { createRpcChannel, type RpcChannel } from '../rpc/channel.ts';
import { createRpcClient, type RpcCallOptions } from '../rpc/client.ts';
import type { AnyService, RpcClient } from '../rpc/definition.ts';

/** Metadata of NOT_READY: `host:port` of the coordinator that is active. */
export const ACTIVE_ADDRESS_KEY = 'coordinator_address';

/**
 * Longest pause between two attempts to reach a coordinator: a new one soon calls gone whoever has
 * not come (REP-3).
 */
export const COORDINATOR_PAUSE_MS = 100;

export class CoordinatorRoad<S extends AnyService> {
  readonly #clients: readonly RpcClient<S, RpcCallOptions>[];
  readonly #addresses: readonly string[];
  readonly #channels: readonly RpcChannel[];
  #at = 0;

  /** @param addresses `host:port` of every coordinator, at least one */
  constructor(service: S, addresses: readonly string[]) {
    this.#addresses = addresses;
    this.#channels = addresses.map((address) => createRpcChannel(address));
    this.#clients = this.#channels.map((channel) => createRpcClient(service, channel));
  }

  /** Of the coordinator to ask now. */
  get client(): RpcClient<S, RpcCallOptions> {
    return this.#clients[this.#at] as RpcClient<S, RpcCallOptions>;
  }

  /** After a stream broke: goes to the one that was named, else to the next. */
  turn(error: unknown): void {
    const named =
      error instanceof OperatingError && error.reason === 'NOT_READY'
        ? this.#addresses.indexOf(error.metadata[ACTIVE_ADDRESS_KEY] ?? '')
        : -1;
    const next = (this.#at + 1) % this.#addresses.length;
    this.#at = named >= 0 && named !== this.#at ? named : next;
  }

  close(): void {
    for (const channel of this.#channels) channel.close();
  }
}
