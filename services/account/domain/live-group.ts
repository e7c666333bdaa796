// A group of orders of which some are not final (TYP-7), and the money that is held for its legs
// together (HLD-6): for an OCO's two orders, or for a bracket's exits. A bracket's entry has a hold
// of its own.
import type { GroupType } from '../../lib/rules/terms.ts';
import { type Hasher, Part } from './digest.ts';
import type { LiveOrder } from './live-order.ts';

/**
 * How far a group has come:
 * - ENTRY: a bracket whose exits have not appeared; everything it holds stays held.
 * - LEGS: all legs that will ever appear are at their book; what they do not need is released.
 */
export type GroupPhase = 'ENTRY' | 'LEGS';

export class LiveGroup extends Part {
  readonly accountNumber: number;
  /** Placement of the first leg; leg n has this plus n. */
  readonly placement: number;
  readonly groupType: GroupType;
  readonly holdAssetNumber: number;
  /** Held now for the legs together, amends in flight included. */
  heldUnits = 0n;
  phase: GroupPhase;
  /** Legs that are not final, in their order; a bracket's entry too. */
  legs: readonly LiveOrder[] = [];

  constructor(named: {
    readonly accountNumber: number;
    readonly placement: number;
    readonly groupType: GroupType;
    readonly holdAssetNumber: number;
  }) {
    super();
    this.accountNumber = named.accountNumber;
    this.placement = named.placement;
    this.groupType = named.groupType;
    this.holdAssetNumber = named.holdAssetNumber;
    this.phase = named.groupType === 'BRACKET' ? 'ENTRY' : 'LEGS';
  }

  /** True for the leg of a bracket that is entered first. */
  isEntry(order: LiveOrder): boolean {
    return this.groupType === 'BRACKET' && order.placement === this.placement;
  }

  /** Legs for which the group's own hold stands. */
  heldLegs(): readonly LiveOrder[] {
    return this.legs.filter((leg) => !this.isEntry(leg));
  }

  override feed(hasher: Hasher): void {
    hasher.text('group');
    hasher.integer(this.accountNumber);
    hasher.integer(this.placement);
    hasher.text(this.groupType);
    hasher.integer(this.holdAssetNumber);
    hasher.amount(this.heldUnits);
    hasher.text(this.phase);
    for (const leg of this.legs) hasher.integer(leg.placement);
  }
}
