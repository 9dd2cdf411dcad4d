// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
/** What a model bundle says about itself, and what became of a release. */
@Export
@Version("1.0.0")
@NullMarked
package io.penstock.api.model;

import org.jspecify.annotations.NullMarked;
import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
