// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.acquisition;

import java.util.List;
import org.osgi.annotation.versioning.ProviderType;

/** Reads tag lists, so that every connector understands the same columns. Thread-safe. */
@ProviderType
public interface TagListReader {
    /**
     * Reads {@code etc/tags/<name>} whole.
     *
     * @throws IllegalArgumentException naming file, line, column, value and limit of the first twenty faults; nothing of a
     *     faulty list is used.
     */
    List<TagDefinition> read(String name);
}
