// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** Checks that a configuration passes before it replaces the running one. */
@Export
@Version("1.0.0")
@NullMarked
package io.penstock.api.configuration;

import org.jspecify.annotations.NullMarked;
import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
