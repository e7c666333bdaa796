// Makes a failing run short: steps are taken out as long as it still fails. Each step has a seed
// of its own, so that the others stay what they are.

/**
 * The shortest list that taking out pieces, ever smaller ones, leads to.
 *
 * @param fails whether a list still shows the failure
 */
export function minimize<T>(list: readonly T[], fails: (list: readonly T[]) => boolean): T[] {
  let left = [...list];
  for (let piece = Math.ceil(left.length / 2); piece >= 1; ) {
    let wasShortened = false;
    for (let from = 0; from < left.length; ) {
      const shorter = [...left.slice(0, from), ...left.slice(from + piece)];
      if (shorter.length < left.length && fails(shorter)) {
        left = shorter;
        wasShortened = true;
      } else from += piece;
    }
    if (piece === 1 && !wasShortened) return left;
    piece = piece === 1 ? 1 : Math.ceil(piece / 2);
  }
  return left;
}
