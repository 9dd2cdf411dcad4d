// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** Operators and the feature program that a model bundle names. */
@Export
@Version("1.0.0")
@NullMarked
package io.penstock.api.preprocessing;

import org.jspecify.annotations.NullMarked;
import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
