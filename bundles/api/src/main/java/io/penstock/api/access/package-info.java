// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** Users and roles, one source for OPC UA, console and command line. */
@Export
@Version("1.0.0")
@NullMarked
package io.penstock.api.access;

import org.jspecify.annotations.NullMarked;
import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
