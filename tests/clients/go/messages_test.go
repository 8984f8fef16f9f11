package clients

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// message is a protobuf message, as far as tests look into one: its fields by their numbers, in the order in which they came.
type message map[int][]any

// parse reads a message; numbers are uint64, everything else is bytes.
func parse(bytes []byte) (message, error) {
	fields := message{}
	for len(bytes) > 0 {
		tag, size := binary.Uvarint(bytes)
		if size <= 0 {
			return nil, fmt.Errorf("no tag in %x", bytes)
		}
		bytes = bytes[size:]
		number, kind := int(tag>>3), tag&7
		value, size := binary.Uvarint(bytes)
		if size <= 0 || (kind != 0 && kind != 2) {
			return nil, fmt.Errorf("field %d is of kind %d", number, kind)
		}
		bytes = bytes[size:]
		if kind == 0 {
			fields[number] = append(fields[number], value)
			continue
		}
		if uint64(len(bytes)) < value {
			return nil, fmt.Errorf("field %d is cut", number)
		}
		fields[number] = append(fields[number], bytes[:value])
		bytes = bytes[value:]
	}
	return fields, nil
}

func (m message) bytes(number int) []byte {
	if len(m[number]) == 0 {
		return nil
	}
	return m[number][len(m[number])-1].([]byte)
}

func (m message) text(number int) string { return string(m.bytes(number)) }

func (m message) number(number int) int64 {
	if len(m[number]) == 0 {
		return 0
	}
	return int64(m[number][len(m[number])-1].(uint64))
}

// inside is the message in a field; one that is missing has no fields.
func (m message) inside(number int) message {
	fields, err := parse(m.bytes(number))
	if err != nil {
		panic(err)
	}
	return fields
}

// values are pairs of name and value, which stand in field 1 and 2 of the messages of a field.
func (m message) values(number int) map[string]string {
	values := map[string]string{}
	for _, each := range m[number] {
		fields, err := parse(each.([]byte))
		if err != nil {
			panic(err)
		}
		values[fields.text(1)] = fields.text(2)
	}
	return values
}

// varint is a field of a number.
func varint(number int, value int64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(number)<<3), uint64(value))
}

// with is a field that holds a message of these fields.
func with(number int, fields ...[]byte) []byte {
	return field(number, string(slices.Concat(fields...)))
}

func join(fields ...[]byte) []byte { return slices.Concat(fields...) }
