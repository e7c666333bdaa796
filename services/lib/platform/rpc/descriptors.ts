// Loads the descriptors that `npm run gen` writes beside the generated code, for reflection.

import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const DESCRIPTORS = new URL('../../../../gen/bourse.binpb', import.meta.url);

/** All files of the contracts with comments and options. */
export function loadDescriptors(file: string | URL = DESCRIPTORS): FileDescriptorSet {
  return fromBinary(FileDescriptorSetSchema, readFileSync(file));
}
