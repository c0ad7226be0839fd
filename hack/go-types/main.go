// Prints the internal Go types of a release that its messages show, for assets/go-types-RELEASE.txt.
//
// A line `core.Protocol string` names what a type is made of; the fields of a struct follow it, indented: the field's name
// (after `+` where it is embedded), its type, the field of the v1 object that it is read from (`.` for the object itself,
// `^name` for a field of the object around it), and the tag with which it is itself written as JSON, where it has one.
// After what a type is made of stands `S` where its values have a String method, `P` where only pointers to them have one.
package main

import (
	"fmt"
	"reflect"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/apis/core"
)

// What of a struct is read from the object around its own (Convert_v1_PodSpec_To_core_PodSpec).
var around = map[string]string{
	"PodSecurityContext.HostNetwork":           "hostNetwork",
	"PodSecurityContext.HostPID":               "hostPID",
	"PodSecurityContext.HostIPC":               "hostIPC",
	"PodSecurityContext.ShareProcessNamespace": "shareProcessNamespace",
	"PodSecurityContext.HostUsers":             "hostUsers",
}

var seen = map[reflect.Type]bool{}

// Whether a type has a method that says how it is shown.
func shown(t reflect.Type) string {
	stringer := reflect.TypeFor[fmt.Stringer]()
	switch {
	case t.Implements(stringer):
		return " S"
	case reflect.PointerTo(t).Implements(stringer):
		return " P"
	}
	return ""
}

// Types that are shown by their own methods, or read from one value.
var whole = map[string]bool{"resource.Quantity": true, "intstr.IntOrString": true, "v1.Time": true}

func named(internal, versioned reflect.Type) (reflect.Type, reflect.Type) {
	for internal.Name() == "" {
		switch internal.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			internal = internal.Elem()
			if versioned != nil && versioned.Name() == "" {
				versioned = versioned.Elem()
			}
		default:
			return internal, versioned
		}
	}
	return internal, versioned
}

func tell(internal, versioned reflect.Type) {
	internal, versioned = named(internal, versioned)
	if seen[internal] || internal.PkgPath() == "" {
		return
	}
	seen[internal] = true
	if whole[internal.String()] {
		return
	}
	if internal.Kind() != reflect.Struct {
		made := internal.Kind().String()
		if internal.Kind() == reflect.Map || internal.Kind() == reflect.Slice {
			made = strings.TrimPrefix(reflect.Zero(unnamed(internal)).Type().String(), " ")
			tell(internal.Elem(), versioned.Elem())
			if internal.Kind() == reflect.Map {
				tell(internal.Key(), versioned.Key())
			}
		}
		fmt.Printf("%s %s%s\n", internal, made, shown(internal))
		return
	}
	fmt.Printf("%s struct%s\n", internal, shown(internal))
	var next [][2]reflect.Type
	for i := range internal.NumField() {
		field := internal.Field(i)
		name, from := field.Name, ""
		if field.Anonymous {
			name = "+" + name
		}
		if outer, ok := around[internal.Name()+"."+field.Name]; ok {
			from = "^" + outer
			next = append(next, [2]reflect.Type{field.Type, nil})
		} else if other, ok := versioned.FieldByName(field.Name); ok {
			from, _, _ = strings.Cut(other.Tag.Get("json"), ",")
			if from == "" {
				from = "."
			}
			next = append(next, [2]reflect.Type{field.Type, other.Type})
		} else {
			panic(fmt.Sprintf("%s.%s is not in %s", internal, field.Name, versioned))
		}
		line := fmt.Sprintf(" %s %s %s", name, field.Type, from)
		if tag := field.Tag.Get("json"); tag != "" {
			line += " " + tag
		}
		fmt.Println(line)
	}
	for _, pair := range next {
		tell(pair[0], pair[1])
	}
}

func unnamed(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Map {
		return reflect.MapOf(t.Key(), t.Elem())
	}
	return reflect.SliceOf(t.Elem())
}

func main() {
	for _, pair := range [][2]any{
		{core.PodSpec{}, v1.PodSpec{}},
		{core.EphemeralContainer{}, v1.EphemeralContainer{}},
		{core.PersistentVolumeSource{}, v1.PersistentVolumeSource{}},
	} {
		tell(reflect.TypeOf(pair[0]), reflect.TypeOf(pair[1]))
	}
}
