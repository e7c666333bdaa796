// What follows in a book once a command is complete (TYP-3, TYP-7), in the order in which it is
// done: legs that have not arrived yet, prints that conditions are checked against, exits that
// appear, triggered orders that arrive. Empty between commands; between the steps of a long one
// it is part of the state (LOG-17).
import type { OrderExtras, OrderGroup } from './order-extras.ts';

/** A bracket whose entry is final with something filled. */
export type EndedEntry = {
  readonly group: OrderGroup;
  readonly filledUnits: number;
};

const NOTHING: readonly OrderExtras[] = [];

/** What one book still has to do. */
export class Unsettled {
  /** Accepted legs that arrive when those before them have (TYP-7). */
  readonly legs: OrderExtras[] = [];
  /** Prices of trades, in the order in which they happened; equal neighbors are one. */
  readonly prints: number[] = [];
  /** What the print at hand triggers, nearest first. */
  triggering: readonly OrderExtras[] = NOTHING;
  /** The print at hand, in price units. */
  triggeringPriceUnits = 0;
  readonly endedEntries: EndedEntry[] = [];
  /** Triggered orders that have not arrived yet. */
  readonly queue: OrderExtras[] = [];
  /** How much of each list is done; they are emptied together. */
  legsDone = 0;
  printsDone = 0;
  triggeringDone = 0;
  entriesDone = 0;
  queueDone = 0;
  /** Nothing is left to do: what plain commands look at. */
  isEmpty = true;

  addLeg(extras: OrderExtras): void {
    this.isEmpty = false;
    this.legs.push(extras);
  }

  addPrint(priceUnits: number): void {
    this.isEmpty = false;
    if (this.prints.length > this.printsDone && this.prints.at(-1) === priceUnits) return;
    this.prints.push(priceUnits);
  }

  addEndedEntry(ended: EndedEntry): void {
    this.isEmpty = false;
    this.endedEntries.push(ended);
  }

  addTriggered(extras: OrderExtras): void {
    this.isEmpty = false;
    this.queue.push(extras);
  }

  /** Sets what a print triggers. */
  setTriggering(triggering: readonly OrderExtras[], priceUnits: number): void {
    this.triggering = triggering;
    this.triggeringDone = 0;
    this.triggeringPriceUnits = priceUnits;
  }

  nextLeg(): OrderExtras | undefined {
    return this.legs[this.legsDone++];
  }

  nextPrint(): number | undefined {
    return this.prints[this.printsDone++];
  }

  nextTriggering(): OrderExtras | undefined {
    return this.triggering[this.triggeringDone++];
  }

  nextEndedEntry(): EndedEntry | undefined {
    return this.endedEntries[this.entriesDone++];
  }

  nextInQueue(): OrderExtras | undefined {
    return this.queue[this.queueDone++];
  }

  get hasLeg(): boolean {
    return this.legsDone < this.legs.length;
  }

  get hasPrint(): boolean {
    return this.printsDone < this.prints.length;
  }

  get hasTriggering(): boolean {
    return this.triggeringDone < this.triggering.length;
  }

  get hasEndedEntry(): boolean {
    return this.entriesDone < this.endedEntries.length;
  }

  get hasInQueue(): boolean {
    return this.queueDone < this.queue.length;
  }

  /** Forgets what is done, all of it. */
  clear(): void {
    this.legs.length = 0;
    this.prints.length = 0;
    this.triggering = NOTHING;
    this.endedEntries.length = 0;
    this.queue.length = 0;
    this.legsDone = 0;
    this.printsDone = 0;
    this.triggeringDone = 0;
    this.entriesDone = 0;
    this.queueDone = 0;
    this.triggeringPriceUnits = 0;
    this.isEmpty = true;
  }
}
