/** What both OPC UA rooms need beside Milo: own certificates, the judgement of those of others, Bouncy Castle where a policy asks for it. */
@Export
@Version("1.1.0")
@NullMarked
package io.penstock.opcua.stack;

import org.jspecify.annotations.NullMarked;
import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
