// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.acquisition;

/**
 * Order of the bytes of a value over registers, named by where the bytes A (most significant) to D (least) stand. Values of
 * 64 bits follow the same pattern: {@code CDAB} swaps registers, {@code BADC} swaps the bytes inside each register,
 * {@code DCBA} does both.
 */
public enum ByteOrder {
    ABCD,
    CDAB,
    BADC,
    DCBA
}
