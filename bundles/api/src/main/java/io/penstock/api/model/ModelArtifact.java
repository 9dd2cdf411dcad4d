// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.model;

/**
 * A verified model: who it is, what it promises, its ONNX bytes. The array is shared and must not be changed.
 *
 * @param identity which one.
 * @param contract what goes in and comes out.
 * @param onnx the ONNX file.
 */
@SuppressWarnings("ArrayRecordComponent") // identity is by digest; nobody compares artifacts
public record ModelArtifact(ModelIdentity identity, ModelContract contract, byte[] onnx) {}
