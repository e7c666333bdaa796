// ReferenceAdminService: creates and changes assets and instruments. Each change of rules is stored
// as a wish first and answered when every shard that is concerned has it in its log (CRD-5); a
// change of state and a cancel are commands to the instrument's shard.

import type { ReferenceAdminService } from '../../../gen/bourse/reference/v1/admin_service_pb.ts';
import type { Handlers } from '../../lib/platform/rpc/server.ts';
import type { Coordinator } from './coordinator.ts';
import { updateInstrument } from './instrument-changes.ts';
import { cancelOrders, retireInstrument, setInstrumentState } from './instrument-commands.ts';
import { createAsset, createInstrument } from './reference-creation.ts';

export function referenceAdminHandlers(
  coordinator: Coordinator,
): Handlers<typeof ReferenceAdminService> {
  return {
    createAsset: (request, call) => createAsset(coordinator.active(), request, call),
    createInstrument: (request, call) => createInstrument(coordinator.active(), request, call),
    updateInstrument: (request, call) => updateInstrument(coordinator.active(), request, call),
    setInstrumentState: (request, call) => setInstrumentState(coordinator.active(), request, call),
    retireInstrument: (request, call) => retireInstrument(coordinator.active(), request, call),
    cancelOrders: (request, call) => cancelOrders(coordinator.active(), request, call),
  };
}
