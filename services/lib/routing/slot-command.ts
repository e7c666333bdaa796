// How slots move between shards (MOV-1 to MOV-6): the commands and events that both kinds of shard
// have. The meaning of every field stands in proto/bourse/log/v1/slot.proto.

/** A command as the source applied it. */
export type TailCommand<C> = {
  readonly record: number;
  readonly identity: string;
  readonly validUntilUs: number;
  readonly command: C;
};

/** What one entry of the source's log did in a slot. */
export type TailEntry<C> = {
  readonly entryIndex: number;
  readonly logTimeUs: number;
  readonly dueSteps: number;
  readonly proceeds: boolean;
  readonly commands: readonly TailCommand<C>[];
};

/** What has happened in a slot, entry by entry. */
export type SlotTail<C> = readonly TailEntry<C>[];

/** What one chunk of a copy holds. */
export type SlotChunk<C> =
  | { readonly kind: 'state'; readonly state: Uint8Array }
  /** Identities of commands that the slot has had, in the form of the host's memory (LOG-11). */
  | {
      readonly kind: 'identities';
      readonly key: Uint8Array;
      readonly answerShardId: string;
      readonly identities: Uint8Array;
    }
  | { readonly kind: 'tail'; readonly tail: SlotTail<C> };

type OfSlot = { readonly slot: number; readonly generation: number };

/** Freezes a slot at its source (MOV-3). */
export type ExportSlot = OfSlot & { readonly step: 'export' };

/** Takes a part of a slot's state over; chunk 0 begins anew. */
export type CopySlot<C> = OfSlot & {
  readonly step: 'copy';
  readonly sourceShardId: string;
  readonly chunk: number;
  readonly content: SlotChunk<C>;
};

/** Takes a slot over, if its state is the one that was exported (MOV-4). */
export type ImportSlot<C> = OfSlot & {
  readonly step: 'import';
  readonly sourceShardId: string;
  readonly targetShardId: string;
  readonly exportSequence: number;
  readonly chunks: number;
  readonly stateChecksum: string;
  readonly tail: SlotTail<C>;
};

/** Keeps a generation from being imported (MOV-5). */
export type RefuseImport = OfSlot & { readonly step: 'refuseImport' };

/** Gives a frozen slot back to its source with the next generation (MOV-5). */
export type UnfreezeSlot = OfSlot & { readonly step: 'unfreeze' };

/** Lets the source forget a slot that its target owns. */
export type MoveDone = OfSlot & { readonly step: 'done' };

/** One step of a slot's move. Every step is idempotent by slot and generation (MOV-2). */
export type SlotCommand<C> =
  | ExportSlot
  | CopySlot<C>
  | ImportSlot<C>
  | RefuseImport
  | UnfreezeSlot
  | MoveDone;

/** A step was made. */
export type SlotEvent = OfSlot &
  (
    | { readonly step: 'exported'; readonly stateChecksum: string }
    /** Nobody applies what follows before the source's stream up to the export (MOV-6). */
    | {
        readonly step: 'imported';
        readonly sourceShardId: string;
        readonly exportSequence: number;
      }
    | { readonly step: 'importRefused' }
    | { readonly step: 'unfrozen' }
    | { readonly step: 'released' }
  );

/** What a shard knows of a slot (MOV-1). */
export type SlotStatus = {
  /** Highest generation seen, which is remembered for ever; 0 when there is none. */
  readonly generation: number;
  readonly ownership: SlotOwner;
  /** What is being copied; undefined when nothing is. */
  readonly copy: SlotCopy | undefined;
};

export type SlotOwner =
  /** Another shard's, or nobody's. */
  | 'NONE'
  | 'OWNED'
  /** Exported with the generation: nothing happens in it (MOV-3). */
  | 'FROZEN';

/** How far the copy of a slot is at its target. */
export type SlotCopy = {
  readonly generation: number;
  readonly sourceShardId: string;
  /** Number of the next chunk. */
  readonly chunks: number;
};
