// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** Deciding whether a prediction may move anything, and writing it. */
@Export
@Version("1.0.0")
@NullMarked
package io.penstock.api.actuation;

import org.jspecify.annotations.NullMarked;
import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
