// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
@NullMarked
package io.penstock.kit.faults;

import org.jspecify.annotations.NullMarked;
