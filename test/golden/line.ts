/** Stands between the commands of a golden file and what they lead to. */
export const LINE = '-'.repeat(80);
