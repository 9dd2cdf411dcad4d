// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.access;

/** Well-known roles (OPC UA Part 18 §4.3) and the two that models need. A role does not include another. */
public enum Role {
    OBSERVER,
    OPERATOR,
    ENGINEER,
    SUPERVISOR,
    SECURITY_ADMIN,
    MODEL_DEPLOYER,
    MODEL_APPROVER
}
