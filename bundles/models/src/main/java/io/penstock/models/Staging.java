// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;

/** Where model bundles are installed and resolved. */
interface Staging {
    /**
     * Installs a verified bundle, unless it is, and resolves it against what the gateway offers.
     *
     * @return the evidence.
     * @throws ModelRejectedException naming the requirement nobody provides.
     */
    String stage(String sha256, byte[] bundle) throws ModelRejectedException;

    void unstage(String sha256);
}
