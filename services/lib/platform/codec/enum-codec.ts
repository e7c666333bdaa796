// Enums of the contracts to and from the names that domains use: those of the contract without
// their prefix.

import { malformed } from './malformed.ts';

/** A generated enum: its names with their numbers. */
type GeneratedEnum = Readonly<Record<string, number>>;

export type EnumCodec<E extends GeneratedEnum, Name extends keyof E & string> = {
  readonly toNumber: (name: Name) => E[Name];
  /** @throws OperatingError MESSAGE_MALFORMED when the number has no name here, UNSPECIFIED included. */
  readonly toName: (number: number) => Name;
  /** As `toName`, but UNSPECIFIED and unknown numbers are undefined. */
  readonly findName: (number: number) => Name | undefined;
};

/** The codec of a generated enum, for all of its names but UNSPECIFIED. */
export function enumCodec<E extends GeneratedEnum>(
  what: string,
  generated: E,
): EnumCodec<E, Exclude<keyof E & string, 'UNSPECIFIED'>> {
  type Name = Exclude<keyof E & string, 'UNSPECIFIED'>;
  const names: (Name | undefined)[] = [];
  for (const [name, number] of Object.entries(generated)) {
    if (name !== 'UNSPECIFIED') names[number] = name as Name;
  }
  return {
    toNumber: (name) => generated[name],
    toName(number) {
      const name = names[number];
      if (name === undefined) throw malformed(`${what} has no value ${number}`);
      return name;
    },
    findName: (number) => names[number],
  };
}
