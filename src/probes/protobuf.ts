/**
 * Reads the wire format of Protocol Buffers, and knows no message: fields are told by number, and what is not asked for is skipped.
 */

/** What a field holds, before its type is known. */
export type WireValue = bigint | Uint8Array;

const VARINT = 0;
const I64 = 1;
const LEN = 2;
const I32 = 5;
/** Seven bits a byte, 64 in all. */
const MAX_VARINT_BYTES = 10;

/** Bytes that are no message: cut off, or written by somebody else. */
export class NotProtobuf extends Error {
  override readonly name = 'NotProtobuf';
}

/**
 * The fields of one message in their order: a number of 64 bits as it stands on the wire (`varint`, `fixed64`, `fixed32`), or bytes
 * (texts, messages, packed lists).
 *
 * @throws NotProtobuf
 */
export function* fieldsOf(bytes: Uint8Array): Generator<readonly [field: number, value: WireValue]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = bytes[at++];
      if (byte === undefined) throw new NotProtobuf('a number is cut off');
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new NotProtobuf(`a number has more than ${MAX_VARINT_BYTES} bytes`);
  };
  const skip = (length: number): number => {
    // Compared before anything is made of it: a length may be anything that 64 bits can say.
    if (length > bytes.length - at) throw new NotProtobuf(`${length} bytes are told, and ${bytes.length - at} are left`);
    at += length;
    return at - length;
  };
  while (at < bytes.length) {
    const tag = Number(varint() & 0xffff_ffffn);
    const field = tag >>> 3;
    if (field === 0) throw new NotProtobuf('there is no field 0');
    switch (tag & 7) {
      case VARINT:
        yield [field, varint()];
        break;
      case I64:
        yield [field, view.getBigUint64(skip(8), true)];
        break;
      case LEN: {
        const length = Number(varint());
        const from = skip(length);
        yield [field, bytes.subarray(from, from + length)];
        break;
      }
      case I32:
        yield [field, BigInt(view.getUint32(skip(4), true))];
        break;
      default:
        throw new NotProtobuf(`there is no wire type ${tag & 7}`);
    }
  }
}
