// A trainer without an SDK: each record is numbered, sent to the control port, and kept until it is acknowledged.
//
//	go run . [RUN] [RECORDS]
package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-zeromq/zmq4"
	"google.golang.org/protobuf/encoding/protowire"
)

func varint(to []byte, field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, field, protowire.VarintType), value)
}

func bytes(to []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, field, protowire.BytesType), value)
}

func double(to []byte, field protowire.Number, value float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(to, field, protowire.Fixed64Type), math.Float64bits(value))
}

// A MetricsRequest with a BatchData; the numbers are those of trainbus.proto.
func record(session string, incarnation, sequence uint64) []byte {
	value := double(bytes(nil, 1, []byte("grad_norm")), 2, 0.5)
	batch := varint(double(varint(nil, 1, 1), 7, 1/float64(sequence)), 16, sequence)
	batch = bytes(batch, 18, value)
	envelope := varint(bytes(nil, 1, []byte(session)), 2, uint64(time.Now().UnixMilli()))
	return varint(varint(bytes(envelope, 3, batch), 16, incarnation), 17, sequence)
}

// Every field of a message, in order; those that are numbers as such, the others as bytes.
func each(message []byte, take func(field protowire.Number, number uint64, content []byte)) {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		size := 0
		if n > 0 {
			size = protowire.ConsumeFieldValue(field, kind, message[n:])
		}
		if n < 0 || size < 0 {
			return
		}
		value := message[n : n+size]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
		}
		number, _ := protowire.ConsumeVarint(value)
		take(field, number, value)
		message = message[n+size:]
	}
}

// How far the journal has the batches: MetricsResponse.ack.stored of kind 1.
func stored(response []byte) (through uint64) {
	each(response, func(field protowire.Number, _ uint64, ack []byte) {
		if field == 5 {
			log.Fatalf("refused: %q", ack)
		}
		if field != 3 {
			return
		}
		each(ack, func(field protowire.Number, _ uint64, position []byte) {
			var kind, sequence uint64
			each(position, func(field protowire.Number, number uint64, _ []byte) {
				if field == 1 {
					kind = number
				} else if field == 2 {
					sequence = number
				}
			})
			if field == 16 && kind == 1 {
				through = max(through, sequence)
			}
		})
	})
	return through
}

func main() {
	run, count, broker := "mine", uint64(100), "tcp://127.0.0.1:7760"
	if len(os.Args) > 1 {
		run = os.Args[1]
	}
	if len(os.Args) > 2 {
		count, _ = strconv.ParseUint(os.Args[2], 10, 32)
	}
	if given := os.Getenv("TRAINBUS_BROKER"); given != "" {
		broker = given
	}
	colon := strings.LastIndex(broker, ":")
	port, err := strconv.Atoi(broker[colon+1:])
	if err != nil {
		log.Fatalf("broker address %q must be tcp://HOST:PORT", broker)
	}
	socket := zmq4.NewDealer(context.Background())
	if err := socket.Dial(fmt.Sprintf("%s:%d", broker[:colon], port+2)); err != nil {
		log.Fatal(err)
	}
	session := run + "/go"
	incarnation := uint64(time.Now().UnixMilli())<<20 | uint64(rand.Intn(1<<20)) // this start: sequences count from 1
	waiting := make([][]byte, count)                                           // until the broker's journal has them
	send := func(from uint64) {
		for _, body := range waiting[from:] {
			if err := socket.SendMulti(zmq4.NewMsgFrom([]byte("batch/"+session+"/"), body)); err != nil {
				log.Fatal(err)
			}
		}
	}
	for i := range waiting {
		waiting[i] = record(session, incarnation, uint64(i)+1)
	}
	acks := make(chan uint64)
	go func() {
		for {
			message, err := socket.Recv()
			if err != nil {
				log.Fatal(err)
			}
			acks <- stored(message.Bytes())
		}
	}()
	send(0)
	through := uint64(0)
	for tries := 0; through < count && tries < 15; {
		select {
		case now := <-acks:
			through = max(through, now)
		case <-time.After(2 * time.Second):
			tries++
			send(through) // the broker drops what it has already
		}
	}
	fmt.Printf("%d of %d records stored\n", through, count)
	if through < count {
		os.Exit(1)
	}
}
