// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** What connectors offer: tags, samples and the state of a connection. */
@Export
@Version("1.0.0")
@NullMarked
package io.penstock.api.acquisition;

import org.jspecify.annotations.NullMarked;
import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
