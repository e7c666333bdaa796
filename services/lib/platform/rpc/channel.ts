// Connections to other processes: kept alive, quick to come back, and never waited for without end.

import { type Channel, ChannelCredentials, connectivityState } from '@grpc/grpc-js';
import { createChannel } from 'nice-grpc';
import { Status } from 'nice-grpc-common';
import { OperatingError } from '../errors/operating-error.ts';
import type { AnyService } from './definition.ts';
import { MESSAGE_BYTES_LIMIT } from './limits.ts';

/** How long an attempt to connect may take; grpc-js has no limit of its own. */
const CONNECT_TIMEOUT_MS = 2_000;
const FIRST_RECONNECT_MS = 50;
const LAST_RECONNECT_MS = 1_000;
const KEEPALIVE_INTERVAL_MS = 10_000;
const KEEPALIVE_TIMEOUT_MS = 5_000;

const CHANNEL_OPTIONS = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_LIMIT,
  'grpc.max_send_message_length': MESSAGE_BYTES_LIMIT,
  'grpc.initial_reconnect_backoff_ms': FIRST_RECONNECT_MS,
  'grpc.max_reconnect_backoff_ms': LAST_RECONNECT_MS,
  'grpc.min_reconnect_backoff_ms': CONNECT_TIMEOUT_MS, // read by nice-grpc as connect timeout
  'grpc.keepalive_time_ms': KEEPALIVE_INTERVAL_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.enable_channelz': 0,
  'grpc.service_config_disable_resolution': 1,
};

export type RpcChannel = Channel;

/** How connections to other processes are made; sockets, unless a simulation says otherwise. */
export type RpcTransport = {
  createChannel(address: string): RpcChannel;
  createClient(service: AnyService, channel: RpcChannel): unknown;
};

let transport: RpcTransport | undefined;

/** Lets all connections of this process be made otherwise (W-1); undefined: by sockets again. */
export function useRpcTransport(other: RpcTransport | undefined): void {
  transport = other;
}

/** What has been told to `useRpcTransport`. */
export function otherRpcTransport(): RpcTransport | undefined {
  return transport;
}

/** A connection to `host:port`, made with the first call; `close()` ends it. */
export function createRpcChannel(address: string): RpcChannel {
  if (transport !== undefined) return transport.createChannel(address);
  return createChannel(address, ChannelCredentials.createInsecure(), CHANNEL_OPTIONS);
}

/**
 * Waits until the channel is connected.
 *
 * @throws OperatingError UNAVAILABLE when it is not within `timeoutMs`.
 */
export async function waitForReady(channel: RpcChannel, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) return;
    const isChanged = await new Promise<boolean>((resolve) => {
      channel.watchConnectivityState(state, deadline, (error) => resolve(error === undefined));
    });
    if (!isChanged) {
      const message = `no connection to ${channel.getTarget()} within ${timeoutMs} ms`;
      throw new OperatingError({ code: Status.UNAVAILABLE }, message);
    }
  }
}
