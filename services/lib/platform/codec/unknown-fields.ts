// Fields that a newer program knows and this one does not (LOG-16).

type Known = { readonly $typeName: string; readonly $unknown?: readonly unknown[] };

/**
 * Whether a decoded message, or one within it, has a field that is not known here. Such a command
 * is refused before it is proposed, rather than half understood.
 */
export function hasUnknownFields(message: object): boolean {
  if (((message as Partial<Known>).$unknown?.length ?? 0) > 0) return true;
  for (const value of Object.values(message)) {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) continue;
    const isUnknown = Array.isArray(value)
      ? value.some((item) => typeof item === 'object' && item !== null && hasUnknownFields(item))
      : hasUnknownFields(value);
    if (isUnknown) return true;
  }
  return false;
}
