// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.util.ReferenceCountUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Two things PLC4X (0.13.1) leaves out. It takes the first of the registers where more come than it asked for; such an answer
 * is dropped here, as PLC4X drops those to another question. And it never ends a request whose answer is an exception it does
 * not know, or "acknowledge", so that one such address would end every connection; here it becomes "device failure". Whole
 * frames of Modbus TCP pass, one question at a time.
 */
final class AnswerCheck extends ChannelDuplexHandler {
    /** Longest frame, Modbus Messaging on TCP/IP V1.0b §4.2.2; its length stands at 4 and counts from 6. */
    static final int LONGEST_FRAME = 260;

    static final int LENGTH_AT = 4;
    static final int LENGTH_BYTES = 2;

    private static final Logger LOG = LoggerFactory.getLogger(AnswerCheck.class);
    private static final int FUNCTION_AT = 7;
    private static final int CONTENT_AT = 8;
    private static final int COUNT_AT = 10;
    private static final int EXCEPTION = 0x80;
    private static final int DEVICE_FAILURE = 4;

    /** Bytes of the registers asked for; of no meaning for other questions. */
    private int bytesAsked;

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) throws Exception {
        if (message instanceof ByteBuf frame && frame.readableBytes() > COUNT_AT + 1) {
            bytesAsked = 2 * frame.getUnsignedShort(frame.readerIndex() + COUNT_AT);
        }
        super.write(context, message, promise);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
        if (message instanceof ByteBuf frame && frame.readableBytes() > CONTENT_AT) {
            int function = frame.getUnsignedByte(frame.readerIndex() + FUNCTION_AT);
            int at = frame.readerIndex() + CONTENT_AT;
            int content = frame.getUnsignedByte(at);
            if ((function == 3 || function == 4) && content != bytesAsked) {
                LOG.debug("{} sends {} bytes instead of {}", context.channel().remoteAddress(), content, bytesAsked);
                ReferenceCountUtil.release(message);
                return;
            }
            if (function >= EXCEPTION && !known(content)) {
                LOG.debug("{} gives exception {}", context.channel().remoteAddress(), content);
                frame.setByte(at, DEVICE_FAILURE);
            }
        }
        super.channelRead(context, message);
    }

    /** Modbus Application Protocol V1.1b3 §7, without 5, "acknowledge". */
    private static boolean known(int exception) {
        return switch (exception) {
            case 1, 2, 3, 4, 6, 8, 10, 11 -> true;
            default -> false;
        };
    }
}
