// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** Attacks on the shipped gateway in the middle of a closed loop, and an honest operator who must get in. */
@NullMarked
package io.penstock.tools.attack;

import org.jspecify.annotations.NullMarked;
