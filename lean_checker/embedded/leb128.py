"""Numbers and names as WebAssembly encodes them (core specification, section 5.2)."""

from __future__ import annotations


def read_unsigned(data: bytes, at: int) -> tuple[int, int]:
    """Decode an unsigned LEB128 number at ``at``; return it and the position after it."""
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while True:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at + 1
        shift += 7


def read_signed(data: bytes, at: int) -> tuple[int, int]:
    """Decode a signed LEB128 number at ``at``; return it and the position after it."""
    value, end = read_unsigned(data, at)
    bits = 7 * (end - at)
    return (value - (1 << bits) if value >> (bits - 1) else value), end


def write_unsigned(value: int) -> bytes:
    """Encode ``value`` (not negative) as unsigned LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_signed(value: int) -> bytes:
    """Encode ``value`` as signed LEB128."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def read_name(data: bytes, at: int) -> tuple[bytes, int]:
    """Decode a length-prefixed name at ``at``; return its bytes and the position after it."""
    length, at = read_unsigned(data, at)
    return data[at : at + length], at + length
