// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** The heap of a gateway, its shares, and what a contract takes of them. */
@Export
@Version("1.0.0")
@NullMarked
package io.penstock.api.memory;

import org.jspecify.annotations.NullMarked;
import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
